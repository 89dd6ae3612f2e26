<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError('totp'); section>
<#if section = "header">
${msg("yrdStepUp")}
<#elseif section = "form">
<p class="lead">${msg("yrdStepUpWhy")}</p>
<form id="kc-otp-login-form" action="${url.loginAction}" method="post">
<#if messagesPerField.existsError('totp')>
<div class="alert error" role="alert" id="input-error-otp-code"><@layout.both text=messagesPerField.get('totp')/></div>
</#if>
<#if otpLogin.userOtpCredentials?size gt 1>
<fieldset class="group"><legend class="label">${msg("yrdDevice")}</legend>
<#list otpLogin.userOtpCredentials as c>
<label class="choice"><input type="radio" name="selectedCredentialId" value="${c.id}" <#if c.id == otpLogin.selectedCredentialId>checked</#if>> ${c.userLabel}</label>
</#list>
</fieldset>
</#if>
<div class="group"><label class="label" for="otp">${msg("loginOtpOneTime")}</label>
<input class="input code" id="otp" name="otp" type="text" inputmode="numeric" autocomplete="one-time-code" autofocus dir="ltr"
<#if messagesPerField.existsError('totp')>aria-invalid="true" aria-describedby="input-error-otp-code"</#if>></div>
<div class="buttons"><button class="button" name="login" id="kc-login" value="login">${msg("yrdVerify")}</button></div>
</form>
</#if>
</@layout.registrationLayout>
