<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false; section>
<#if section = "header">
<@layout.both text=msg("yrdErrorTitle")/>
<#elseif section = "form">
<div id="kc-error-message" role="alert">
<p class="instruction"><@layout.both text=message.summary/></p>
<p><@layout.both text=msg("yrdErrorHelp")/></p>
<#if !skipLink?? && client?? && client.baseUrl?has_content>
<p><a class="button" id="backToApplication" href="${client.baseUrl}">${msg("yrdBack")}</a></p>
</#if>
<#if traceId??><p class="quiet" id="traceId">${msg("traceIdSupportMessage", traceId)}</p></#if>
</div>
</#if>
</@layout.registrationLayout>
