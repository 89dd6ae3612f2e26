<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false; section>
<#if section = "header">
<#if messageHeader??><@layout.both text=msg(messageHeader)/><#else><@layout.both text=message.summary/></#if>
<#elseif section = "form">
<div id="kc-info-message">
<#if messageHeader??><p class="instruction"><@layout.both text=message.summary/></p></#if>
<#if requiredActions??><ul><#list requiredActions as action><li>${kcSanitize(msg("requiredAction.${action}"))?no_esc}</li></#list></ul></#if>
<#if !skipLink??>
<#if pageRedirectUri?has_content><p><a class="button" href="${pageRedirectUri}">${msg("yrdBack")}</a></p>
<#elseif actionUri?has_content><p><a class="button" href="${actionUri}">${msg("yrdGoOn")}</a></p>
<#elseif (client.baseUrl)?has_content><p><a class="button" href="${client.baseUrl}">${msg("yrdBack")}</a></p></#if>
</#if>
</div>
</#if>
</@layout.registrationLayout>
